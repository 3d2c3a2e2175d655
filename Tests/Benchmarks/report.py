"""The results as a table in Markdown, as JSON and as a plot."""

import json
import os

import plot


def ratios(results):
    """Every ratio under one name, the larger the worse where the name begins with what is ours."""
    found = {}
    for one in results["assignments"]:
        found.update({f"{name}, {one['tags']} tags": value for name, value in one["ratios"].items()})
    if "bursts" in results:
        found["64 clients at once/pushes at the floor"] = results["bursts"]["clients"]["ratio"]
        spread_out = results["bursts"]["spread"]
        found["a burst over many repositories/on one"] = spread_out["many"] / spread_out["one"]
    for one in results.get("contention", []):
        found[f"{one['workers']} workers on one remote/one, {one['tagsPerPush']} tags a push"] = (
            one["together"] / one["alone"])
    if "signing" in results:
        found["a signed assignment/one without"] = results["signing"]["signed/unsigned"]
    if "histories" in results:
        found.update(results["histories"]["ratios"])
    if "queue" in results:
        found.update(results["queue"]["ratios"])
    if "startUp" in results:
        start_up = results["startUp"]
        for words in ("--version", "--help"):
            found[f"stagekeeper {words}/git --version"] = (
                start_up[f"stagekeeper {words}"]["median"] / start_up["git --version"]["median"])
    for one in results["contact"]:
        found[f"first push/git clone, {one['tags']} tags"] = one["push"] / one["clone"] + one["read"] / one["clone"]
    return found


def compare(found, file):
    """1 where a ratio is beyond its limit or was not measured, else 0; says which."""
    with open(file, encoding="utf-8") as stream:
        limits = json.load(stream)
    worse = 0
    for name, limit in limits.items():
        value = found.get(name)
        good = value is not None and (value <= limit["most"] if "most" in limit else value >= limit["least"])
        bound = f"at most {limit['most']}" if "most" in limit else f"at least {limit['least']}"
        measured = "not measured" if value is None else f"{value:.2f}"
        print(f"{'ok  ' if good else 'FAIL'} {name}: {measured} ({bound})")
        worse += not good
    return 1 if worse else 0


def write(results, directory):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "results.json"), "w", encoding="utf-8") as file:
        json.dump(results, file, indent=1)
        file.write("\n")
    text = "\n\n".join(sections(results)) + "\n"
    with open(os.path.join(directory, "results.md"), "w", encoding="utf-8") as file:
        file.write(text)
    if len(results["assignments"]) > 1:
        with open(os.path.join(directory, "results.svg"), "w", encoding="utf-8") as file:
            file.write(plot.svg(results["assignments"]))
    print(text)


def sections(results):
    machine = results["machine"]
    yield (f"{machine['cpu']}, {machine['cores']} cores, {machine['memoryMiB']} MiB, Linux {machine['kernel']}, "
           f"{machine['temporaryDirectory']}, git {machine['git']}, {machine['ssh']}; load {results['loadBefore']} "
           f"before and {results['loadAfter']} after; {results['at']}. Medians (quartiles) in milliseconds.")
    if results["assignments"]:
        yield assignments(results["assignments"])
        yield assignment_ratios(results["assignments"])
    if "bursts" in results:
        yield bursts(results["bursts"])
    if "queue" in results:
        yield table(["durable acknowledgement", "connections", "p50, ms", "per second", "p50 / disk"],
                    [[row["queue"], row["connections"], spread(row["p50"]), f"{row['rate']['median']:.0f}",
                      f"{row['p50/disk']:.1f}"] for row in results["queue"]["rows"]])
    if results["reads"]:
        yield by_tags("read on an open connection", results["reads"])
    if "startUp" in results:
        yield table(["start to exit", "ms"], [[name, spread(one)] for name, one in results["startUp"].items()])
    if results["contact"]:
        yield contact(results["contact"])
    if "histories" in results:
        yield table(["first contact with a history of", "first answer and push, ms", "git clone --bare, ms",
                     "state, MiB"],
                    [[one["name"], number(one["seconds"]), number(one["clone"]), mebibytes(one["state"])]
                     for one in results["histories"]["rows"]])
    if "processor" in results:
        yield processor(results["processor"])
    if "signing" in results:
        yield signatures(results["signing"])
    if "contention" in results:
        yield contention(results["contention"])
    if results["memory"] or "idle" in results:
        yield memory(results)


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def spread(one):
    return f"{number(one['median'])} ({number(one['low'])}–{number(one['high'])})"


def number(seconds):
    milliseconds = seconds * 1000
    return f"{milliseconds:.0f}" if milliseconds >= 100 else f"{milliseconds:.3g}"


def by_tags(title, entries):
    names = list(dict.fromkeys(name for entry in entries for name in entry["series"]))
    rows = [[name, *(spread(entry["series"][name]) if name in entry["series"] else "" for entry in entries)]
            for name in names]
    return table([title, *(f"{entry['tags']:,} tags" for entry in entries)], rows)


def assignments(entries):
    return by_tags("one assignment until pushed", entries)


def assignment_ratios(entries):
    names = list(dict.fromkeys(name for entry in entries for name in entry["ratios"]))
    rows = [[name, *(f"{entry['ratios'][name]:.2f}" if name in entry["ratios"] else "" for entry in entries)]
            for name in names]
    loads = ["load", *("–".join(map(str, entry["load"])) for entry in entries)]
    return table(["ratio, median of the rounds", *(f"{entry['tags']:,} tags" for entry in entries)], rows + [loads])


def bursts(found):
    clients, jobs, wide = found["clients"], found["jobs"], found["spread"]
    return table(
        [f"bursts on one artifact, {found['tags']:,} tags", "", "ms", "ratio"],
        [[f"{clients['clients']} clients at once, {clients['tagsPerPush']} tags a push", "ours", spread(clients["ours"]),
          f"{clients['ratio']:.2f}"],
         ["", f"{clients['pushesAtTheFloor']} pushes at the floor", spread(clients["floor"]), ""],
         [f"{jobs['jobs']} jobs, 100 tags a push", "ours", f"{jobs['tagsPerSecond']:.0f} tags/s", ""],
         [f"{wide['jobs']} jobs over {wide['repositories']} repositories", "ours", number(wide["many"]),
          f"{wide['many'] / wide['one']:.2f}"],
         ["", "the same on one repository", number(wide["one"]), ""]])


def signatures(found):
    rows = [[one["kind"], f"{one['tag'] * 1e6:.0f}",
             f"{one['signature'] * 1e6:.0f}" if one["signature"] else "",
             f"{1 / one['signature']:.0f}" if one["signature"] else ""] for one in found["rates"]]
    return table([f"tags that a lane makes; a signed warm assignment over ssh takes {found['signed/unsigned']:.2f} × "
                  "one without", "µs a tag", "µs for the signature", "signatures a second"], rows)


def processor(found):
    rows = [[one["transport"], *(f"{one[name]:.2f}" for name in ("client", "worker", "lane", "below"))]
            for one in found["transports"]]
    return table([f"processor time of one warm assignment, ms, mean of {found['jobs']}", "command line", "worker", "lane",
                  "ssh, or the Git service on the path"], rows)


def contention(entries):
    return table(
        ["one remote, one artifact", "alone: seconds", "pushes", "together: seconds", "pushes", "price"],
        [[f"{one['workers']} workers, {one['jobs']} jobs, {one['tagsPerPush']} tags a push",
          f"{one['alone']:.1f}", one["alone, pushes"], f"{one['together']:.1f}", one["together, pushes"],
          f"{one['together'] / one['alone']:.2f}"] for one in entries])


def contact(entries):
    rows = [[f"{one['tags']:,}", *(number(one[name]) for name in ("read", "push", "restarted", "clone")),
             mebibytes(one["disk"])] for one in entries]
    return table(["tags", "first answer", "first push after it", "push with a new lane", "git clone --bare",
                  "state, MiB"], rows)


def memory(results):
    rows = [[f"{one['tags']:,} tags, 1 repository", resident(one["worker"]), resident(one["lane"]) if one["lane"] else ""]
            for one in results["contact"]]
    rows += [[f"{one['tags']:,} tags, after the assignments", resident(one["worker"]),
              ", ".join(f"{name}: {resident(lane)}" for name, lane in one["lanes"].items())]
             for one in results["memory"]]
    if "idle" in results:
        idle = results["idle"]
        rows.append([f"idle, {idle['repositories']} repositories", resident(idle["worker"]), f"{idle['children']} lanes"])
    return table(["memory, MiB resident (its own)", "worker", "lane"], rows)


def resident(one):
    return f"{mebibytes(one['resident'])} ({mebibytes(one['anonymous'])})"


def mebibytes(count):
    return f"{count / (1 << 20):.1f}"
