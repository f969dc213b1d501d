import PharosBytes
import Testing

@Suite("tickets")
struct TicketTableTests {
    @Test("an answer finds its value once, and a late one finds nothing")
    func once() {
        var table = TicketTable<String>()
        let first = table.add("a")
        #expect(first != 0)
        #expect(table.take(first) == "a")
        #expect(table.take(first) == nil)
        // The slot is used again, under another ticket.
        let second = table.add("b")
        #expect(second != first)
        #expect(table[first] == nil)
        #expect(table[second] == "b")
        #expect(table.count == 1)
    }

    @Test("values are changed where they stand, and taken out by assigning nil")
    func change() {
        var table = TicketTable<[Int]>()
        let tickets = (0..<100).map { table.add([$0]) }
        #expect(Set(tickets).count == 100)
        #expect(table.update(tickets[7]) { $0.append(8) } != nil)
        #expect(table.take(tickets[7]) == [7, 8])
        table[tickets[8]] = nil
        #expect(table.count == 98)
        #expect(table.update(tickets[8]) { $0.append(1) } == nil)
        for (index, ticket) in tickets.enumerated() where index != 7 && index != 8 {
            #expect(table.take(ticket) == [index])
        }
        #expect(table.isEmpty)
    }
}
