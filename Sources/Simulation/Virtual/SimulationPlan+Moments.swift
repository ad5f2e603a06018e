extension SimulationPlan {
    /// Moments at which calendars do something odd, in seconds of UTC, and what that is.
    static let moments: [(seconds: Int64, kind: SimulationCoverage.Kind)] = [
        // 2027, 2028 and 2101 begin.
        (1_798_761_600, .yearChange), (1_830_297_600, .yearChange), (4_133_980_800, .yearChange),
        // São Paulo, which is three hours behind, comes to 2027.
        (1_798_772_400, .yearChange),
        // 2028-02-29 begins and ends; 2100 has no such day.
        (1_835_395_200, .leapDay), (1_835_481_600, .leapDay), (4_107_542_400, .leapDay),
        // Europe's summer time begins and ends in 2026, New York's likewise.
        (1_774_746_000, .summerTimeChange), (1_792_890_000, .summerTimeChange),
        (1_772_953_200, .summerTimeChange), (1_793_512_800, .summerTimeChange),
    ]
}
