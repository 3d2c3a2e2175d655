import AdminCommandLine

await AdminTool.main()
