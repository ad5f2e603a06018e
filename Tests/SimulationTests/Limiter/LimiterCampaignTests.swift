import Simulation
import Testing

@Suite struct LimiterCampaignTests {
    /// A million are run by `tools/simulate --schedules 1..1000000`.
    @Test func noScheduleSendsMoreThanAWindowAdmits() {
        var campaign = LimiterCampaign()
        for seed in 1...1_000 as ClosedRange<UInt64> { campaign.run(seed) }
        #expect(campaign.violations.map(\.description) == [])
        #expect(campaign.missing == [])
    }
}
