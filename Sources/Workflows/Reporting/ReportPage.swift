import Foundation

/// A self-contained page of HTML: nothing in it is loaded from elsewhere, it has no script but that of its comparisons, and its colors follow
/// the reader's light or dark scheme. Everything that is given as text is escaped here.
struct ReportPage {
  let title: String
  /// A line below the title.
  var summary = ""
  private var body = ""
  private var hasComparisons = false

  init(_ title: String) { self.title = title }

  mutating func add(heading: String) { body += "<h2>\(heading.escapedForHTML)</h2>\n" }

  mutating func add(plots: [Plot]) {
    let shown = plots.filter { !$0.isEmpty }
    if !shown.isEmpty { body += "<div class=\"plots\">\n\(shown.map { $0.svg() }.joined(separator: "\n"))\n</div>\n" }
  }

  /// Two columns: names and values.
  mutating func add(facts: [(name: String, value: String)]) {
    let rows = facts.map { "<tr><th>\($0.name.escapedForHTML)</th><td>\($0.value.escapedForHTML)</td></tr>" }
    body += "<table>\n\(rows.joined(separator: "\n"))\n</table>\n"
  }

  mutating func add(list: [String]) {
    body += "<ul>\n\(list.map { "<li>\($0.escapedForHTML)</li>" }.joined(separator: "\n"))\n</ul>\n"
  }

  mutating func add(preformatted text: String) { body += "<pre>\(text.escapedForHTML)</pre>\n" }

  mutating func add(paragraph text: String) { body += "<p>\(text.escapedForHTML)</p>\n" }

  /// Pictures in a row that can be scrolled, each with a caption.
  mutating func add(strip pictures: [(png: Data, caption: String)]) {
    let figures = pictures.map { png, caption in
      let text = caption.escapedForHTML
      return
        "<figure><img alt=\"\(text)\" src=\"data:image/png;base64,\(png.base64EncodedString())\"><figcaption>\(text)</figcaption></figure>"
    }
    body += "<div class=\"strip\">\n\(figures.joined(separator: "\n"))\n</div>\n"
  }

  /// Two pictures of the same size over each other, of which a slider shows parts.
  struct Comparison {
    /// Encoded as JPEG.
    let before: Data, after: Data
    /// The width in pixels.
    let width: Int
  }

  mutating func add(comparison: Comparison) {
    func image(_ data: Data, _ name: String) -> String {
      "<img class=\"\(name)\" alt=\"\(name)\" src=\"data:image/jpeg;base64,\(data.base64EncodedString())\">"
    }
    hasComparisons = true
    body += """
      <figure class="comparison" style="width:min(\(2 * comparison.width)px,100%)">
      \(image(comparison.after, "after"))\(image(comparison.before, "before"))
      <input type="range" min="0" max="100" value="50" aria-label="before, on the left, and after">
      <figcaption><span>before</span><span>after</span></figcaption>
      </figure>

      """
  }

  /// Without scripts both halves stand still.
  private static let script = """
    for(const f of document.querySelectorAll(".comparison"))
    f.querySelector("input").addEventListener("input",e=>f.style.setProperty("--at",e.target.value+"%"));
    """

  func html() -> String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" href="data:,">
    <title>\(title.escapedForHTML)</title>
    <style>
    \(Self.style)
    </style>
    </head>
    <body>
    <h1>\(title.escapedForHTML)</h1>
    <p class="summary">\(summary.escapedForHTML)</p>
    \(body)\(hasComparisons ? "<script>\(Self.script)</script>\n" : "")</body>
    </html>

    """
  }

  private static let style = """
    :root{color-scheme:light dark;--back:#fff;--ink:#1f2328;--dim:#656d76;--line:#d8dee4;--soft:#f6f8fa}
    @media (prefers-color-scheme:dark){:root{--back:#0d1117;--ink:#e6edf3;--dim:#8d96a0;--line:#30363d;--soft:#161b22}}
    body{background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif;max-width:1340px;margin:0 auto;padding:16px 24px}
    h1{font-size:24px;margin:8px 0 0}h2{font-size:17px;margin:28px 0 8px;border-bottom:1px solid var(--line)}
    .summary{color:var(--dim);margin:0 0 12px}.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:16px}
    .plot{width:100%;background:var(--soft);border-radius:6px}
    .strip{display:flex;gap:12px;overflow-x:auto;padding-bottom:8px}.strip figure{margin:0;flex:none}
    .strip img{display:block;max-height:360px;max-width:min(640px,85vw);image-rendering:pixelated;border-radius:4px}
    .strip figcaption{color:var(--dim);font-size:12px;text-align:center}
    .comparison{position:relative;margin:0 0 8px;--at:50%}.comparison img{display:block;width:100%;image-rendering:pixelated;border-radius:4px}
    .comparison .before{position:absolute;top:0;left:0;clip-path:inset(0 calc(100% - var(--at)) 0 0);border-right:1px solid var(--line)}
    .comparison input{width:100%;margin:4px 0 0}.comparison figcaption{display:flex;justify-content:space-between;color:var(--dim);font-size:12px}
    table{border-collapse:collapse}th{text-align:left;font-weight:400;color:var(--dim);padding:2px 18px 2px 0;vertical-align:top}
    td{overflow-wrap:anywhere}pre{background:var(--soft);padding:12px;border-radius:6px;overflow-x:auto;font-size:12.5px}
    """
}
