import Glibc

var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
exit(runDriver(&count, &arguments, testOneInput))
