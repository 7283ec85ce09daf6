import RecipeKit
import Testing

@Suite("Names") struct NamesTests {
  @Test(arguments: [
    ("emaRate", "ema_rate"), ("numResBlocks", "num_res_blocks"), ("useNewAttentionOrder", "use_new_attention_order"), ("x0", "x0"),
    ("x0Weight", "x0_weight"), ("minSNRGamma", "min_snr_gamma"), ("logSNR", "log_snr"), ("useCFG", "use_cfg"), ("T", "t"),
    ("HTTPPort", "http_port"), ("beta1", "beta1"), ("sChurn", "s_churn"), ("size", "size"), ("already_snake", "already_snake"), ("", ""),
  ])
  func aSwiftNameBecomesAKey(name: String, key: String) { #expect(snakeCase(name) == key) }

  @Test func theNearestNameIsLessThanFourEditsAway() {
    let names = ["ddim", "dpmpp_2m", "heun", "euler"]
    #expect(Suggestion.nearest(to: "dimm", among: names) == "ddim")
    #expect(Suggestion.nearest(to: "DPMPP2M", among: names) == "dpmpp_2m")
    #expect(Suggestion.nearest(to: "dpm", among: names) == nil || Suggestion.editDistance("dpm", "ddim") < 3)
    #expect(Suggestion.nearest(to: "unipc_bh2", among: names) == nil)
    #expect(Suggestion.nearest(to: "lr", among: ["eta"]) == nil)
    #expect(Suggestion.nearest(to: "", among: ["eta"]) == nil)
    #expect(Suggestion.phrase(for: "unipc_bh2", among: names) == "known: ddim, dpmpp_2m, heun, euler")
  }

  @Test func theEditDistanceCountsInsertionsDeletionsAndSubstitutions() {
    #expect(Suggestion.editDistance("kitten", "sitting") == 3)  // Levenshtein's textbook pair.
    #expect(Suggestion.editDistance("", "abc") == 3 && Suggestion.editDistance("abc", "") == 3 && Suggestion.editDistance("a", "a") == 0)
  }
}

@Suite("Training durations") struct TrainingDurationTests {
  @Test(arguments: [
    ("20000000", TrainingDuration.images(20_000_000), "20000000"), ("20_000_000", .images(20_000_000), "20000000"),
    ("2e7", .images(20_000_000), "20000000"), ("100 epochs", .epochs(100), "100 epochs"), ("1 epoch", .epochs(1), "1 epoch"),
    ("0.5epochs", .epochs(0.5), "0.5 epochs"), ("2h", .seconds(7200), "2h"), ("30m", .seconds(1800), "30m"), ("90s", .seconds(90), "90s"),
    ("1h30m", .seconds(5400), "1h30m"), ("1h 30m 5s", .seconds(5405), "1h30m5s"), ("60s", .seconds(60), "1m"), ("0s", .seconds(0), "0s"),
  ])
  func aDurationIsReadAndPrinted(text: String, duration: TrainingDuration, printed: String) {
    #expect(TrainingDuration(text) == duration)
    #expect(duration.description == printed)
    #expect(TrainingDuration(printed) == duration)
  }

  @Test(arguments: [
    "", "abc", "-5", "1.5", "h", "3 weeks", "m30", "30m1h", "1h1h", "-1h", "+1h", "1.5h", "epochs", "-1 epochs", "1e400 epochs",
    "99999999999999999999h", "9223372036854775807h", "1e30", "5 images",
  ])
  func whatIsNoDurationIsRefused(text: String) { #expect(TrainingDuration(text) == nil) }
}
