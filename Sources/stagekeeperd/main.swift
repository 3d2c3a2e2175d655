import Worker

Daemon.main()
