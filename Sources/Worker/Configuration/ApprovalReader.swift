internal import StrictJSON

extension ApprovalRule {
  /// Nil where the condition has none.
  init?(reading reader: ObjectReader?, tenants: [String]) throws(JSONShapeError) {
    guard var reader else { return nil }
    guard let required = try reader.optionalInteger("required", in: 1...20) else {
      throw reader.error("required", "is missing: how many have to approve, 1 to 20")
    }
    self.required = Int(required)
    approvers = try reader.optionalStrings("approvers") ?? []
    if approvers.isEmpty { throw reader.error("approvers", "is missing: name at least one tenant") }
    for tenant in approvers where !tenants.contains(where: { $0.utf8.elementsEqual(tenant.utf8) }) {
      let hint = nearest(to: tenant, among: tenants).map { "; did you mean \"\($0)\"?" } ?? ""
      throw reader.error("approvers", "there is no tenant \"\(tenant.escapedForMessage)\"\(hint)")
    }
    expireSeconds = Int(try reader.optionalInteger("expireSeconds", in: 1...31_536_000) ?? 7 * 86_400)
    try reader.finish()
  }
}
