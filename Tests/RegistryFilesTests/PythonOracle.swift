import Foundation
import StrictJSON

/// ruamel.yaml and GTO themselves, in one Python process per test, asked over pipes.
///
/// The interpreter is `STAGEKEEPER_TEST_PYTHON`, or the one beside `STAGEKEEPER_TEST_GTO`, or beside the
/// `gto` on `PATH`. A test that needs it fails where there is none.
final class PythonOracle {
  struct Missing: Error, CustomStringConvertible {
    let description: String
  }

  private let process = Process()
  private let requests = Pipe()
  private let answers = Pipe()
  private var buffer: [UInt8] = []

  init() throws {
    process.executableURL = URL(fileURLWithPath: try Self.interpreter())
    process.arguments = ["-u", "-c", oracleProgram]
    process.standardInput = requests
    process.standardOutput = answers
    try process.run()
    guard try ask("ready", []) == .string("ready") else {
      throw Missing(description: "the Python oracle does not start: GTO and ruamel.yaml are needed")
    }
  }

  deinit {
    try? requests.fileHandleForWriting.close()
    process.waitUntilExit()
  }

  static func interpreter() throws -> String {
    let environment = ProcessInfo.processInfo.environment
    if let python = environment["STAGEKEEPER_TEST_PYTHON"] { return python }
    let path = environment["PATH"]?.split(separator: ":").map { "\($0)/gto" } ?? []
    for gto in [environment["STAGEKEEPER_TEST_GTO"]].compactMap(\.self) + path {
      let python = URL(fileURLWithPath: gto).deletingLastPathComponent().path + "/python"
      if FileManager.default.isExecutableFile(atPath: python) { return python }
    }
    throw Missing(
      description: "no Python with GTO: set STAGEKEEPER_TEST_GTO to its gto or STAGEKEEPER_TEST_PYTHON")
  }

  /// What ruamel.yaml, called as GTO calls it, makes of a file; nil where it refuses.
  func load(_ bytes: [UInt8]) throws -> JSONValue? { try answer("load", bytes) }

  /// The place of every node that ruamel.yaml sees, in the order of the file.
  func places(_ bytes: [UInt8]) throws -> JSONValue? { try answer("places", bytes) }

  /// `[types, stages, index]` as GTO reads `.gto`; nil where it refuses.
  func configuration(_ bytes: [UInt8]) throws -> JSONValue? { try answer("configuration", bytes) }

  /// The artifacts as GTO reads `artifacts.yaml`; nil where it refuses.
  func artifacts(_ bytes: [UInt8]) throws -> JSONValue? { try answer("artifacts", bytes) }

  /// A random value written by ruamel.yaml (or PyYAML where it is installed) in a random style.
  func generate(seed: Int) throws -> [UInt8]? {
    guard let text = try answer("generate", Array(String(seed).utf8))?.stringValue else { return nil }
    return Array(text.utf8)
  }

  private func answer(_ operation: String, _ bytes: [UInt8]) throws -> JSONValue? {
    let answer = try ask(operation, bytes)
    return answer["refused"] == nil ? answer["value"] : nil
  }

  private func ask(_ operation: String, _ bytes: [UInt8]) throws -> JSONValue {
    let line = "\(operation) \(Data(bytes).base64EncodedString())\n"
    try requests.fileHandleForWriting.write(contentsOf: Data(line.utf8))
    while true {
      if let end = buffer.firstIndex(of: 0x0A) {
        let line = buffer[..<end]
        buffer.removeSubrange(...end)
        return try JSONValue(parsing: line, maximumDepth: 1000)
      }
      let more = answers.fileHandleForReading.availableData
      if more.isEmpty { throw Missing(description: "the Python oracle has ended") }
      buffer += more
    }
  }
}

/// Reads lines of an operation and base64, answers lines of JSON.
private let oracleProgram = #"""
  import base64, datetime, io, json, os, random, struct, sys, tempfile, warnings
  warnings.simplefilter("ignore")
  from ruamel.yaml import YAML
  from ruamel.yaml.scalarstring import LiteralScalarString, FoldedScalarString
  from gto.config import read_registry_config
  from gto.index import Index
  try:
      import yaml as pyyaml
  except ImportError:
      pyyaml = None

  class TooBig(Exception):
      pass

  def show(value, left, parents=()):
      left[0] -= 1
      if left[0] < 0 or id(value) in parents:
          raise TooBig()
      if value is None:
          return None
      if isinstance(value, bool):
          return ["b", value]
      if isinstance(value, int):
          return ["i", str(value)]
      if isinstance(value, float):
          return ["f", "nan" if value != value else str(struct.unpack(">Q", struct.pack(">d", value))[0])]
      if isinstance(value, (datetime.date, datetime.datetime)):
          return ["t", value.isoformat()]
      if isinstance(value, str):
          value.encode("utf-8")
          return value
      inner = parents + (id(value),)
      if isinstance(value, (list, tuple)):
          return ["l"] + [show(v, left, inner) for v in value]
      if isinstance(value, dict):
          return ["m"] + [[show(k, left, inner), show(v, left, inner)] for k, v in value.items()]
      return ["other", repr(type(value))]

  def safe():
      return YAML(typ="safe", pure=True)

  def load(data):
      return show(safe().load(data), [4_000_000])

  def places(data):
      found = []
      def walk(node):
          empty = node.id == "scalar" and node.start_mark.index == node.end_mark.index
          found.append(None if empty else [node.start_mark.line + 1, node.start_mark.column + 1])
          if node.id == "sequence":
              for child in node.value:
                  walk(child)
          elif node.id == "mapping":
              for key, child in node.value:
                  walk(key)
                  walk(child)
      node = safe().compose(data)
      if node is None:
          return [None]
      walk(node)
      return found

  def configuration(data):
      with tempfile.NamedTemporaryFile(suffix=".gto") as file:
          file.write(data)
          file.flush()
          config = read_registry_config(file.name)
          return [config.types, config.stages, config.INDEX]

  def artifacts(data):
      state = Index.read(io.BytesIO(data)).state
      return {name: [a.type, a.path, a.labels, a.description, json.loads(a.model_dump_json())["custom"],
                     a.virtual]
              for name, a in state.items()}

  PIECES = ["a", "b", "word", "Some longer words", " ", "  ", "\n", "\n\n", ": ", ":", " #", "#", "-", "- ",
            "? ", "'", '"', "\\", "[", "]", "{", "}", ",", ", ", "&", "*", "!", "|", ">", "%", "@", "`", "~",
            "<<", "=", "\t", "${item.x}", "\u00e9", "\u65e5\u672c", "\U0001f600", "\u00a0", "1", "0", ".",
            "e", "_", "---", "...", "null", "true", "---\n", "\x07", "\ufeff", "e\u0301", "/", "model.pkl"]
  WORDS = ["", "null", "Null", "~", "true", "no", "on", "12", "012", "0o7", "0x1F", "1_000", "1.5", ".5", "1e3",
           ".inf", "-.INF", ".nan", "2024-01-01", "2001-12-14 21:59:43", "<<", "=", "-", "?", ":", "- x",
           "key: value", "# no", " lead", "trail ", "\n", "a\n", "\na", "a\n\n", "a\n b\n", "1:30", "models/churn",
           "v1.2.3", "a: b\nc", "x" * 150, "word " * 40, "%YAML", "!tag", "&anchor", "*alias", "'q'", '"q"']

  def text(r, block=False):
      made = r.choice(WORDS) if r.random() < 0.5 else "".join(r.choice(PIECES) for _ in range(r.randint(0, 12)))
      # Forced into | and >, ruamel.yaml writes a byte-order mark as it stands, which this reader refuses.
      # In flow style, it writes text like :x and ? x without quotes, and reads that by chance or wrongly.
      made = made.replace("\ufeff", "") if block else made
      return made.lstrip(":?") if flow is not False else made

  def scalar(r, strings):
      if strings or r.random() < 0.6:
          return text(r, strings)
      return r.choice([None, True, False, r.randint(-9, 9), r.randint(-2**63, 2**63 - 1), r.random() * 10**r.randint(-20, 20),
                       float("inf"), float("-inf"), float("nan"), -0.0, float(r.randint(0, 9)),
                       datetime.date(r.randint(1, 9999), 2, 28),
                       datetime.datetime(2001, 12, 14, 21, 59, 43, r.choice([0, 100000, 123456])),
                       datetime.datetime(2001, 2, 4, 1, 9, 3, tzinfo=datetime.timezone(datetime.timedelta(minutes=r.choice([0, -300, 330]))))])

  def value(r, depth, strings, shared):
      kind = r.random()
      if shared and kind < 0.08:
          return r.choice(shared)
      if depth == 0 or kind < 0.4:
          return scalar(r, strings)
      if kind < 0.65:
          made = [value(r, depth - 1, strings, shared) for _ in range(r.randint(0, 4))]
      else:
          made = {}
          for _ in range(r.randint(0, 4)):
              key = text(r, strings) if strings or r.random() < 0.9 else r.choice([1, 7, None, True, 1.5])
              made[key] = value(r, depth - 1, strings, shared)
      if r.random() < 0.2:
          shared.append(made)
      return made

  def styled(r, data):
      if isinstance(data, dict):
          return {k: styled(r, v) for k, v in data.items()}
      if isinstance(data, list):
          return [styled(r, v) for v in data]
      if isinstance(data, str) and "\n" in data and not set(data) & set("\x07\ufeff"):
          return r.choice([LiteralScalarString, FoldedScalarString, str])(data)
      return data

  def generate(data):
      r = random.Random(int(data))
      global flow
      flow = r.choice([False, False, True, None])
      style = r.choice([None, None, None, "'", '"', "|", ">"])
      made = value(r, r.randint(0, 5), style is not None, [] if r.random() < 0.7 else ["shared text"])
      if isinstance(made, str) and made[:3] in ("", "---", "..."):
          made = [made]  # as a block scalar, readers disagree about it
      width = r.choice([20, 40, 80, 1000])
      start, end, unicode = r.random() < 0.2, r.random() < 0.1, r.random() < 0.7
      if pyyaml and r.random() < 0.3:
          return pyyaml.safe_dump(made, width=width, default_flow_style=flow or False, default_style=style,
                                  explicit_start=start, explicit_end=end, allow_unicode=unicode,
                                  indent=r.choice([2, 4]), sort_keys=False)
      roundtrip = style is None and r.random() < 0.4
      y = YAML() if roundtrip else safe()
      y.default_flow_style, y.default_style, y.width = flow, style, width
      y.explicit_start, y.explicit_end, y.allow_unicode = start or None, end or None, unicode
      if r.random() < 0.4:
          y.indent(mapping=r.choice([2, 4]), sequence=4, offset=2)
      y.sort_base_mapping_type_on_output = False
      out = io.StringIO()
      y.dump(styled(r, made) if roundtrip else made, out)
      return out.getvalue()

  operations = {"load": load, "places": places, "configuration": configuration, "artifacts": artifacts,
                "generate": generate}
  for line in sys.stdin:
      name, _, data = line.rstrip("\n").partition(" ")
      if name == "ready":
          print(json.dumps("ready"))
          continue
      try:
          print(json.dumps({"value": operations[name](base64.b64decode(data))}))
      except Exception as error:
          print(json.dumps({"refused": repr(error) + repr(error.__cause__)}))
  """#
