import Imaging

/// A plot as a picture, in the light colors of its SVG and twice its size.
struct PlotRaster {
  private static let scale = 2
  private static let ink: [UInt8] = [31, 35, 40], dim: [UInt8] = [101, 109, 118], line: [UInt8] = [216, 222, 228]
  private static let colors: [[UInt8]] = [
    [9, 105, 218], [188, 76, 0], [26, 127, 55], [130, 80, 223], [191, 57, 137], [110, 119, 129],
  ]

  private let plot: Plot

  init(_ plot: Plot) { self.plot = plot }

  func draw() -> Image {
    var image = Image(width: Int(Plot.width) * Self.scale, height: Int(Plot.height) * Self.scale, color: [255, 255, 255])
    let (x, y) = plot.axes
    image.drawText(plot.title, row: 8 * Self.scale, column: at(Plot.left), scale: Self.scale, color: Self.ink)
    drawLegend(&image)
    drawGrid(&image, x, y)
    for index in plot.series.indices { drawCurve(&image, index, x, y) }
    return image
  }

  private func at(_ place: Double) -> Int { Int(place * Double(Self.scale)) }
  private func at(_ place: (x: Double, y: Double)) -> (x: Double, y: Double) {
    (place.x * Double(Self.scale), place.y * Double(Self.scale))
  }

  private func drawLegend(_ image: inout Image) {
    var column = at(Plot.left)
    for (index, series) in plot.series.enumerated() {
      let end = column + 14 * Self.scale, row = Double(27 * Self.scale)
      image.drawLine(from: (Double(column), row), to: (Double(end), row), width: 5, color: color(index))
      image.drawText(series.name, row: 23 * Self.scale, column: end + 4 * Self.scale, scale: Self.scale, color: Self.ink)
      column = end + 18 * Self.scale + Image.textWidth(series.name, scale: Self.scale)
    }
  }

  private func drawGrid(_ image: inout Image, _ x: PlotAxis, _ y: PlotAxis) {
    let base = at(Plot.height - Plot.bottom)
    for tick in y.ticks() {
      let row = at(plot.place((x.range.lowerBound, tick), x, y).y)
      image.drawLine(
        from: (Double(at(Plot.left)), Double(row)), to: (Double(at(Plot.width - Plot.right)), Double(row)), width: 1, color: Self.line)
      image.drawText(
        PlotAxis.label(tick), row: row - 4 * Self.scale, column: at(Plot.left - 6), alignment: .trailing, scale: Self.scale, color: Self.dim
      )
    }
    for tick in x.ticks() {
      let column = at(plot.place((tick, y.range.lowerBound), x, y).x)
      image.drawText(
        PlotAxis.label(tick), row: base + 6 * Self.scale, column: column, alignment: .centered, scale: Self.scale, color: Self.dim)
    }
    image.drawText(
      plot.horizontal, row: at(Plot.height - 11), column: at(Plot.width - Plot.right), alignment: .trailing, scale: Self.scale,
      color: Self.dim)
  }

  private func drawCurve(_ image: inout Image, _ index: Int, _ x: PlotAxis, _ y: PlotAxis) {
    let places = plot.series[index].points.filter { y.shows($0.y) }.map { at(plot.place($0, x, y)) }
    for (start, end) in zip(places, places.dropFirst()) { image.drawLine(from: start, to: end, width: 3.2, color: color(index)) }
    // A short curve is of measurements, which are seen as dots.
    if places.count <= 24 { for place in places { image.drawLine(from: place, to: place, width: 9, color: color(index)) } }
  }

  private func color(_ index: Int) -> [UInt8] { Self.colors[index % Self.colors.count] }
}
