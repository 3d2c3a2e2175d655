import CommandLineTool

await StagekeeperTool.main()
