internal import CArchive

/// The libarchive that this process reads archives with.
public enum ArchiveLibrary {
  /// As the library states it, such as "libarchive 3.6.2".
  public static var version: String { String(cString: archive_version_string()) }
}
