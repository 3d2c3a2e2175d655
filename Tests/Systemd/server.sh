#!/usr/bin/env bash
# Makes the machine of machine.py a Git server too: git.example.com, by ssh and by https, with the repositories
# ml/churn.git and ml/fraud.git. What clients need is left in /srv/client.
set -Eeuo pipefail
export HOME=/root GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
mkdir -p /srv/server /srv/client
cd /srv/server

# An account with a password that nothing equals; one without any is locked, and sshd lets nobody in.
useradd --system --create-home --home-dir /srv/git --shell /bin/bash --password '*' git

git init -q -b main model
printf 'types: [model]\nstages: [dev, staging, prod]\n' >model/.gto
printf 'churn:\n  type: model\n  path: models/churn.json\n' >model/artifacts.yaml
git -C model add .
git -C model -c user.name=Trainer -c user.email=trainer@example.com commit -qm "Train the models"
for name in churn fraud; do git clone -q --bare --no-hardlinks model "/srv/git/ml/$name.git"; done
git -C /srv/git/ml/fraud.git config http.receivepack true
chown -R git:git /srv/git

# --- ssh ---
ssh-keygen -q -t ed25519 -N '' -C server -f host
ssh-keygen -q -t ed25519 -N '' -C worker -f /srv/client/key
ssh-keygen -q -t ed25519 -N '' -C signing -f /srv/client/signing
printf 'git.example.com %s\n' "$(cat host.pub)" >/srv/client/known_hosts
printf 'stagekeeper@localhost %s\n' "$(cat /srv/client/signing.pub)" >/srv/client/allowed_signers
cat >sshd_config <<END
ListenAddress 127.0.0.1
HostKey /srv/server/host
AuthorizedKeysFile /srv/client/key.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
END

# --- https ---
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=git.example.com \
  -addext subjectAltName=DNS:git.example.com -keyout tls.key -out /srv/client/ca.pem 2>/dev/null
openssl rand -hex 16 >/srv/client/token
printf 'ci:%s\n' "$(openssl passwd -apr1 "$(cat /srv/client/token)")" >users
cat >nginx.conf <<END
user git;
daemon off;
worker_processes 1;
pid /run/git-nginx.pid;
error_log stderr;
events { worker_connections 64; }
http {
  access_log off;
  server {
    listen 127.0.0.1:443 ssl;
    ssl_certificate /srv/client/ca.pem;
    ssl_certificate_key /srv/server/tls.key;
    auth_basic git;
    auth_basic_user_file /srv/server/users;
    location / {
      fastcgi_pass unix:/run/git-server/fcgi;
      fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT /srv/git;
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param PATH_INFO \$fastcgi_script_name;
      fastcgi_param QUERY_STRING \$query_string;
      fastcgi_param REQUEST_METHOD \$request_method;
      fastcgi_param CONTENT_TYPE \$content_type;
      fastcgi_param CONTENT_LENGTH \$content_length;
      fastcgi_param REMOTE_USER \$remote_user;
    }
  }
}
END

# unit NAME COMMAND SETTING…
unit() {
  local name=$1 command=$2
  shift 2
  printf '[Service]\nExecStart=%s\n' "$command" >"/etc/systemd/system/git-$name.service"
  printf '%s\n' "$@" >>"/etc/systemd/system/git-$name.service"
}
unit sshd "/usr/sbin/sshd -D -e -f /srv/server/sshd_config" RuntimeDirectory=sshd RuntimeDirectoryMode=0755
unit nginx "/usr/sbin/nginx -c /srv/server/nginx.conf"
unit backend "/usr/sbin/fcgiwrap -c 2 -s unix:/run/git-server/fcgi" User=git RuntimeDirectory=git-server
systemctl daemon-reload
systemctl start git-sshd git-backend git-nginx
