#!/bin/sh
# Makes the test keys and certificates anew. Not run by the tests: the checked-in files are the fixtures, and
# the vectors belong to them.
set -eu
cd "$(dirname "$0")"
rm -rf keys x509
mkdir keys x509
P=test-passphrase

make_ssh() { # name, ssh-keygen options
  name=$1; shift
  ssh-keygen -q -N '' -C "test key $name" -f "keys/$name" "$@"
}
make_ssh ed25519 -t ed25519
make_ssh ed25519-other -t ed25519
make_ssh p256 -t ecdsa -b 256
make_ssh p384 -t ecdsa -b 384
make_ssh p521 -t ecdsa -b 521
make_ssh rsa -t rsa -b 3072
make_ssh weak-rsa1024 -t rsa -b 1024
make_ssh unsupported-dsa -t dsa

# The same keys in PEM: ssh-keygen translates them, except Ed25519.
for name in p256 p384 p521 rsa; do
  cp "keys/$name" "keys/$name.pk8.pem"
  chmod 600 "keys/$name.pk8.pem"
  ssh-keygen -q -p -N '' -m PKCS8 -f "keys/$name.pk8.pem" >/dev/null
  openssl pkey -in "keys/$name.pk8.pem" -traditional -out "keys/$name.traditional.pem"
done
openssl genpkey -algorithm ed25519 -out keys/ed25519-pem.pk8.pem
openssl pkcs8 -topk8 -in keys/rsa.pk8.pem -out keys/rsa.encrypted.pem -passout pass:$P
openssl pkcs8 -topk8 -in keys/p256.pk8.pem -out keys/p256.encrypted.pem -passout pass:$P -scrypt
openssl pkcs8 -topk8 -in keys/ed25519-pem.pk8.pem -out keys/ed25519-pem.encrypted.pem -passout pass:$P
openssl pkey -in keys/rsa.pk8.pem -traditional -aes256 -passout pass:$P -out keys/rsa.traditional-encrypted.pem
for name in ed25519 rsa; do
  cp "keys/$name" "keys/$name.encrypted"
  ssh-keygen -q -p -N $P -f "keys/$name.encrypted" >/dev/null
done
openssl ecparam -genkey -name secp256k1 -out keys/unsupported-secp256k1.pem
openssl genpkey -algorithm ed448 -out keys/unsupported-ed448.pem
openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048 -out keys/unsupported-rsapss.pem

# A root, an intermediate and what they issued, valid until 2124.
cd x509
FROM=20240101000000Z UNTIL=21240101000000Z
config=$(mktemp)
work=$(mktemp -d)
trap 'rm -rf "$config" "$work"' EXIT
cat >"$config" <<C
[ca]
default_ca = d
[d]
new_certs_dir = $work
database = $work/index
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
organizationName = optional
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = emailProtection
subjectAltName = email:release@example.com
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,keyEncipherment
extendedKeyUsage = serverAuth
C
: >"$work/index"
issue() { # name, section, issuer or self, key file, from, until
  openssl req -new -config "$config" -key "$4" -subj "/O=Test only/CN=Test $1" -out "$work/$1.csr"
  if [ "$3" = self ]; then how="-selfsign -keyfile $4"; else how="-cert $3.pem -keyfile $3.key.pem"; fi
  openssl ca -batch -notext -config "$config" -extensions "$2" -in "$work/$1.csr" -out "$1.pem" $how \
    -startdate "$5" -enddate "$6" 2>/dev/null
}
for name in root intermediate other-root; do
  openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 -out $name.key.pem
done
issue root root self root.key.pem $FROM $UNTIL
issue other-root root self other-root.key.pem $FROM $UNTIL
issue intermediate intermediate root intermediate.key.pem $FROM $UNTIL
for name in rsa p256 p384 p521; do
  issue $name leaf intermediate ../keys/$name.pk8.pem $FROM $UNTIL
done
issue direct leaf root ../keys/rsa.pk8.pem $FROM $UNTIL
issue expired leaf intermediate ../keys/rsa.pk8.pem 20240101000000Z 20250101000000Z
issue server server intermediate ../keys/rsa.pk8.pem $FROM $UNTIL
issue foreign leaf other-root ../keys/rsa.pk8.pem $FROM $UNTIL
issue ed25519 leaf intermediate ../keys/ed25519-pem.pk8.pem $FROM $UNTIL
# Issued by a certificate that is no authority.
cp ../keys/p256.pk8.pem p256.key.pem
issue by-leaf leaf p256 ../keys/rsa.pk8.pem $FROM $UNTIL
rm p256.key.pem
rm root.key.pem intermediate.key.pem other-root.key.pem
