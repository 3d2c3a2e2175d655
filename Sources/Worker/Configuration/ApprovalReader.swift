internal import StrictJSON

extension ApprovalRule {
  /// The member `approvals` of a condition; nil where it has none.
  init?(condition: Int, reading reader: ObjectReader?) throws(JSONShapeError) {
    guard var reader else { return nil }
    try reader.only("required", "approvers", "expireSeconds")
    self.condition = condition
    guard let required = try reader.optionalInteger("required", in: 1...20) else {
      throw reader.error("required", "is missing: how many have to approve, 1 to 20")
    }
    self.required = Int(required)
    approvers = try reader.nonEmptyStrings("approvers")
    expireSeconds = Int(try reader.optionalInteger("expireSeconds", in: 1...31_536_000) ?? 7 * 86_400)
    try reader.finish()
  }
}
