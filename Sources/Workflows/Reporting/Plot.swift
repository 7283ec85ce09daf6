import Foundation

/// Curves over a common horizontal axis, as SVG that needs nothing but itself: colors follow the reader's light or dark scheme, and
/// pointing at a place shows the values there, without a script.
struct Plot {
  struct Series {
    var name: String
    /// The points, in ascending order of x.
    var points: [(x: Double, y: Double)]
  }

  var title: String
  var horizontal = "images"
  var isLogarithmic = false
  var series: [Series]

  /// The most points of a curve; of more, evenly chosen ones are shown, the first and the last among them.
  static let mostPoints = 160

  static let width = 640.0, height = 260.0
  static let left = 62.0, right = 12.0, top = 44.0, bottom = 34.0

  init(_ title: String, horizontal: String = "images", isLogarithmic: Bool = false, _ series: [Series]) {
    self.title = title
    self.horizontal = horizontal
    self.isLogarithmic = isLogarithmic
    self.series = series.map { Series(name: $0.name, points: Self.thinned($0.points.filter { $0.x.isFinite && $0.y.isFinite })) }
      .filter { !$0.points.isEmpty }
  }

  var isEmpty: Bool { series.isEmpty }

  private static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    guard points.count > mostPoints else { return points }
    return (0..<mostPoints).map { points[$0 * (points.count - 1) / (mostPoints - 1)] }
  }

  // MARK: Drawing

  var axes: (x: PlotAxis, y: PlotAxis) {
    let points = series.flatMap(\.points)
    return (PlotAxis(points.map(\.x)), PlotAxis(points.map(\.y), isLogarithmic: isLogarithmic))
  }

  func svg() -> String {
    let (x, y) = axes
    let label = "\(title): " + series.map(\.name).joined(separator: ", ")
    return """
      <svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" \
      aria-label="\(label.escapedForHTML)">
      <style>\(Self.style)</style>
      <text class="title" x="\(Self.left)" y="16">\(title.escapedForHTML)</text>
      \(legend)\(grid(x, y))\(series.indices.map { curve($0, x, y) }.joined())\(columns(x, y))</svg>
      """
  }

  func place(_ point: (x: Double, y: Double), _ x: PlotAxis, _ y: PlotAxis) -> (x: Double, y: Double) {
    (
      Self.left + x.position(of: point.x) * (Self.width - Self.left - Self.right),
      Self.height - Self.bottom - y.position(of: point.y) * (Self.height - Self.top - Self.bottom)
    )
  }

  private static func number(_ value: Double) -> String { String(format: "%.1f", value) }

  private var legend: String {
    var at = Self.left, text = ""
    for (index, series) in series.enumerated() {
      text += """
        <g class="s\(index % 6)"><rect class="key" x="\(Self.number(at))" y="25" width="14" height="3"/>\
        <text x="\(Self.number(at + 18))" y="31">\(series.name.escapedForHTML)</text></g>\n
        """
      at += 34 + 6.2 * Double(series.name.count)
    }
    return text
  }

  private func grid(_ x: PlotAxis, _ y: PlotAxis) -> String {
    let (end, base) = (Self.number(Self.width - Self.right), Self.number(Self.height - Self.bottom))
    let rows = y.ticks().map { tick in
      let at = Self.number(place((x.range.lowerBound, tick), x, y).y)
      return """
        <line class="grid" x1="\(Self.left)" x2="\(end)" y1="\(at)" y2="\(at)"/>\
        <text class="tick" text-anchor="end" x="\(Self.left - 6)" y="\(at)" dy="0.35em">\(PlotAxis.label(tick))</text>\n
        """
    }
    let columns = x.ticks().map { tick in
      let at = Self.number(place((tick, y.range.lowerBound), x, y).x)
      return "<text class=\"tick\" text-anchor=\"middle\" x=\"\(at)\" y=\"\(base)\" dy=\"1.4em\">\(PlotAxis.label(tick))</text>\n"
    }
    return rows.joined() + columns.joined()
      + "<text class=\"tick\" text-anchor=\"end\" x=\"\(end)\" y=\"\(Int(Self.height) - 3)\">\(horizontal.escapedForHTML)</text>\n"
  }

  private func curve(_ index: Int, _ x: PlotAxis, _ y: PlotAxis) -> String {
    let places = series[index].points.filter { y.shows($0.y) }.map { place($0, x, y) }
    guard places.count > 1 else {
      return places.map { "<circle class=\"dot s\(index % 6)\" cx=\"\(Self.number($0.x))\" cy=\"\(Self.number($0.y))\" r=\"3\"/>\n" }
        .joined()
    }
    let path = places.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
    return "<polyline class=\"curve s\(index % 6)\" points=\"\(path)\"/>\n"
  }

  // MARK: Hovering

  /// A column for each place that has a value: an area to point at, and what is shown then.
  private func columns(_ x: PlotAxis, _ y: PlotAxis) -> String {
    let places = Set(series.flatMap { $0.points.map(\.x) }).sorted()
    let thinned =
      places.count > Self.mostPoints ? (0..<Self.mostPoints).map { places[$0 * (places.count - 1) / (Self.mostPoints - 1)] } : places
    let at = thinned.map { place(($0, y.range.lowerBound), x, y).x }
    return thinned.indices.map { index in
      let from = index == 0 ? Self.left : (at[index - 1] + at[index]) / 2
      let to = index == at.count - 1 ? Self.width - Self.right : (at[index] + at[index + 1]) / 2
      return column(at: thinned[index], width: from...max(from, to), x, y)
    }.joined()
  }

  private func column(at value: Double, width area: ClosedRange<Double>, _ x: PlotAxis, _ y: PlotAxis) -> String {
    let (top, base) = (Self.top, Self.height - Self.bottom)
    let found = series.indices.compactMap { index -> (Int, (x: Double, y: Double))? in
      nearest(value, in: series[index].points).map { (index, $0) }
    }
    let at = Self.number(place((value, y.range.lowerBound), x, y).x)
    let dots = found.filter { y.shows($0.1.y) && $0.1.x == value }.map { index, point in
      "<circle class=\"dot s\(index % 6)\" cx=\"\(at)\" cy=\"\(Self.number(place(point, x, y).y))\" r=\"3\"/>"
    }
    let words = ["\(PlotAxis.label(value)) \(horizontal)"] + found.map { "\(series[$0.0].name) \(PlotAxis.label($0.1.y))" }
    return """
      <g class="at"><rect x="\(Self.number(area.lowerBound))" y="\(top)" width="\(Self.number(area.upperBound - area.lowerBound))" \
      height="\(base - top)"/><g class="shown"><line class="rule" x1="\(at)" x2="\(at)" y1="\(top)" y2="\(base)"/>\(dots.joined())\
      <text class="value" text-anchor="end" x="\(Self.width - Self.right)" y="16">\(words.joined(separator: " · ").escapedForHTML)</text>\
      </g></g>\n
      """
  }

  /// The last point that is not after x, by bisection: curves may have values at different places.
  private func nearest(_ x: Double, in points: [(x: Double, y: Double)]) -> (x: Double, y: Double)? {
    var low = 0, high = points.count
    while low < high {
      let middle = (low + high) / 2
      if points[middle].x <= x { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? points[low - 1] : nil
  }

  private static let style = """
    .plot{--ink:#1f2328;--dim:#656d76;--line:#d8dee4;font:11px system-ui,sans-serif;--c0:#0969da;--c1:#bc4c00;--c2:#1a7f37;--c3:#8250df;\
    --c4:#bf3989;--c5:#6e7781}
    @media (prefers-color-scheme:dark){.plot{--ink:#e6edf3;--dim:#8d96a0;--line:#30363d;--c0:#58a6ff;--c1:#f0883e;--c2:#3fb950;\
    --c3:#bc8cff;--c4:#f778ba;--c5:#9198a1}}
    .plot text{fill:var(--ink)}.plot .title{font-weight:600;font-size:13px}.plot .tick{fill:var(--dim)}.plot .grid{stroke:var(--line)}
    .plot .curve{fill:none;stroke-width:1.6;stroke-linejoin:round}.plot .rule{stroke:var(--dim);stroke-dasharray:2 2}
    .plot .at>rect{fill:transparent}.plot .shown{visibility:hidden;pointer-events:none}.plot .at:hover>.shown{visibility:visible}
    .plot .s0{--c:var(--c0)}.plot .s1{--c:var(--c1)}.plot .s2{--c:var(--c2)}.plot .s3{--c:var(--c3)}.plot .s4{--c:var(--c4)}\
    .plot .s5{--c:var(--c5)}
    .plot .curve{stroke:var(--c)}.plot .dot,.plot .key{fill:var(--c)}
    """
}
