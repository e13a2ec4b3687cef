/// A value as an application might have it.
struct TypedValue: Codable, Equatable {
    var id: Int
    var name: String
    var email: String
    var roles: [String]
    var isActive: Bool
    var score: Double?

    init(_ number: Int) {
        id = number
        name = "User \(number)"
        email = "user.\(number)@example.com"
        roles = ["reader", number.isMultiple(of: 2) ? "editor" : "owner"]
        isActive = number % 3 != 0
        score = number.isMultiple(of: 5) ? nil : Double(number) / 4
    }
}
