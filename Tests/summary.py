#!/usr/bin/env python3
"""Prints "N passed, N failed" from what `swift test --xunit-output` wrote.

Usage: summary.py DIRECTORY STATUS: all *.xml in the directory count; STATUS is that of `swift test`.
Names what failed and what was skipped. Ends with 0 only where something ran and nothing failed.
"""

import pathlib
import sys
import xml.etree.ElementTree


def main(directory, status):
    passed, failed, skipped = 0, [], []
    for file in pathlib.Path(directory).glob("*.xml"):
        for case in xml.etree.ElementTree.parse(file).iter("testcase"):
            name = f"{case.get('classname')}/{case.get('name')}"
            if case.find("skipped") is not None:
                skipped.append(f"{name}: {case.findtext('skipped')}")
            elif case.find("failure") is not None or case.find("error") is not None:
                failed.append(name)
            else:
                passed += 1
    if status != 0 and not failed:
        failed.append(f"the run itself: swift test ended with status {status} before all tests had run")
    elif not passed and not failed:
        failed.append("the run itself: no test ran")
    for line in skipped:
        print(f"SKIPPED {line}")
    for line in failed:
        print(f"FAILED {line}")
    print(f"{passed} passed, {len(failed)} failed" + (f", {len(skipped)} skipped" if skipped else ""))
    return 0 if not failed else status or 1


sys.exit(main(sys.argv[1], int(sys.argv[2])))
