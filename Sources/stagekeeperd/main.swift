import Worker

Daemon.main(arguments: Array(CommandLine.arguments.dropFirst()))
