/// What Git allows as the name of a branch: `git check-ref-format --branch`.
public enum BranchName {
  /// What is wrong with it, as the end of a sentence that begins with the name; nil where it is fine.
  public static func problem(in name: String) -> String? {
    if name.isEmpty { return "is empty" }
    for prefix in ["refs/heads/", "heads/"] where name.hasPrefix(prefix) {
      return "begins with \"\(prefix)\": give the name of the branch alone"
    }
    if name == "HEAD" || name.hasPrefix("-") || RefRules.problem(in: name) != nil {
      return "is no name of a branch (git check-ref-format)"
    }
    return nil
  }
}
