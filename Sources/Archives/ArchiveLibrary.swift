internal import CArchive

/// The libarchive that this process reads archives with.
public enum ArchiveLibrary {
  /// The library's version string, such as "libarchive 3.6.2".
  public static var version: String { String(cString: archive_version_string()) }
}
