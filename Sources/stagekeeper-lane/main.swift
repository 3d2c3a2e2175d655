import Lane

LaneProgram.main(arguments: Array(CommandLine.arguments.dropFirst()))
