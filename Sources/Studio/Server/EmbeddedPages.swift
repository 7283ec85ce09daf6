extension PageFiles {
  /// The files of `Pages/`, which SwiftPM makes constants of; `PageTests` holds the list against the folder.
  static var embedded: KeyValuePairs<String, [UInt8]> {
    [
      "index.html": PackageResources.index_html
    ]
  }
}
