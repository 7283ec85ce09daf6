import Archives
import Failures
import Foundation
import Imaging
import RecipeKit

/// Detects the kind of data set at a path from its contents, where that leaves no doubt.
public enum DatasetRecognition {
  /// The recipe that opens the data set at a path: a folder, an archive, or a file.
  ///
  /// Files of CIFAR go before IDX files, these before arrays, and all of them before pictures.
  /// - Throws: `DatasetError` for a path that is not a data set, `ArchiveError` for one that cannot be read.
  public static func recipe(for path: String) throws -> any DatasetRecipe {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      return try recipe(ofFolder: path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path)
    }
    if NPZFile.entryPath(path) != path { return ArrayDataset.Recipe.recipe(at: path) }
    let start = try ByteStore.start(of: path, upTo: 512)
    if NPYHeader.begins(start) { return ArrayDataset.Recipe.recipe(at: path) }
    if let rank = idxRank(start) { return try idx(path, rank: rank) { ByteStore.mayExist($0) } }
    if start.starts(with: zipStart) || isTar(start) { return try recipe(ofArchive: path) }
    if path.hasSuffix(".bin"), CIFARFiles.form(of: [(path as NSString).lastPathComponent]) != nil { return cifar(path) }
    guard PictureFormat.isPicture(file: path) else { throw DatasetError(path, .unrecognised(ForeignFormat(start))) }
    return FolderDataset.Recipe.recipe(at: path)
  }

  /// The recipe of a given kind for a path, which is not looked at.
  /// - Throws: `RecipeError` for an unknown kind.
  public static func recipe(ofKind kind: String, at path: String) throws(RecipeError) -> any DatasetRecipe {
    type(of: try Choice<DatasetRegistry>(named: kind).member).recipe(at: path)
  }

  private static func recipe(ofFolder path: String) throws -> any DatasetRecipe {
    let names = try contents(of: path)
    if CIFARFiles.form(of: names) != nil || !Set(names).isDisjoint(with: CIFARFiles.folders) { return cifar(path, among: names) }
    // The first bytes of files that are not named like pictures.
    let others = names.filter { !$0.hasPrefix(".") && !isPicture($0) && isFile("\(path)/\($0)") }.prefix(mostLookedAt)
    let starts = others.map { ($0, (try? ByteStore.start(of: "\(path)/\($0)", upTo: 8)) ?? []) }
    let images = starts.filter { [3, 4].contains(idxRank($0.1)) }.map(\.0)
    if let first = preferred(images) { return try idx("\(path)/\(first)", rank: 3) { ByteStore.mayExist($0) } }
    let arrays = starts.filter { NPYHeader.begins($0.1) || ($0.0.hasSuffix(".npz") && $0.1.starts(with: zipStart)) }.map(\.0)
    return try arrays.isEmpty ? FolderDataset.Recipe.recipe(at: path) : self.arrays(in: path, names: arrays)
  }

  private static func recipe(ofArchive path: String) throws -> any DatasetRecipe {
    let names = try ByteStore.names(in: path)
    if CIFARFiles.form(of: names.map { ($0 as NSString).lastPathComponent }) != nil { return cifar(path) }
    if names.contains(where: { $0.hasSuffix(".npy") }), !names.contains(where: isPicture) { return ArrayDataset.Recipe.recipe(at: path) }
    let others = names.filter { !isPicture($0) }.prefix(mostLookedAt)
    let starts = try others.map { ($0, try ByteStore.start(of: "\(path)/\($0)", upTo: PictureFormat.startLength)) }
    if let first = preferred(starts.filter { [3, 4].contains(idxRank($0.1)) }.map(\.0)) {
      return try idx("\(path)/\(first)", rank: 3) { names.contains(String($0.dropFirst(path.count + 1))) }
    }
    // Of more files than were looked at, some may be pictures without an ending.
    let hasPictures = names.count > others.count || starts.contains { PictureFormat(start: $0.1) != nil }
    guard hasPictures else { throw DatasetError(path, .unrecognised(nil)) }
    return FolderDataset.Recipe.recipe(at: path)
  }

  /// A folder or archive with more files than these whose names are not those of pictures is not looked at further.
  private static let mostLookedAt = 64

  // ---- kinds

  /// The only array of images in a folder, and `labels.npy` where it goes with it.
  private static func arrays(in folder: String, names: [String]) throws -> any DatasetRecipe {
    let shapes = names.compactMap { name in (try? NumberArray(path: "\(folder)/\(name)")).map { (name, $0.shape) } }
    let images = shapes.filter { (3...4).contains($0.1.count) }.map(\.0) + names.filter { $0.hasSuffix(".npz") }
    guard images.count == 1 else { throw DatasetError(folder, .several(images.isEmpty ? names : images, what: "array of images")) }
    var recipe = ArrayDataset.Recipe.recipe(at: "\(folder)/\(images[0])")
    let count = shapes.first { $0.0 == images[0] }?.1.first
    if shapes.contains(where: { $0.0 == "labels.npy" && $0.1.first == count && $0.1.count <= 2 }) { recipe.labels = "\(folder)/labels.npy" }
    return recipe
  }

  /// - Parameter exists: whether there is a file of labels at a path.
  private static func idx(_ path: String, rank: Int, exists: (String) -> Bool) throws -> IDXDataset.Recipe {
    guard rank > 1 else { throw DatasetError(path, .labelsAlone) }
    var recipe = IDXDataset.Recipe.recipe(at: path)
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    let name = String(path.dropFirst(folder.count))
    let plain = name.replacing("images", with: "labels").replacing("idx3", with: "idx1").replacing("idx4", with: "idx1")
    let spellings = [plain, plain.hasSuffix(".gz") ? String(plain.dropLast(3)) : plain + ".gz"]
    recipe.labels = spellings.first { $0 != name && exists(folder + $0) }.map { folder + $0 }
    return recipe
  }

  private static func cifar(_ path: String, among names: [String] = []) -> CIFARDataset.Recipe {
    var recipe = CIFARDataset.Recipe.recipe(at: path)
    let isTestOnly = names.contains { $0.hasPrefix("test") } && !names.contains { $0.hasPrefix("data_batch") || $0 == "train.bin" }
    if isTestOnly { recipe.split = .test }
    return recipe
  }

  // ---- what is there

  /// The file for training among several.
  private static func preferred(_ names: [String]) -> String? { names.first { $0.contains("train") } ?? names.first }

  private static func contents(of folder: String) throws -> [String] {
    do { return try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } catch {
      throw DatasetError(.io, folder, "cannot be read: \(error.systemMessage)")
    }
  }

  private static func isFile(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
  }

  private static func isPicture(_ name: String) -> Bool { PictureFormat.isPictureName(name) }

  private static let zipStart: [UInt8] = [0x50, 0x4B, 0x03, 0x04]

  private static func isTar(_ start: [UInt8]) -> Bool { start.count >= 262 && start[257..<262].elementsEqual("ustar".utf8) }

  /// How many dimensions an IDX file of bytes has by its first bytes; nil for other files.
  private static func idxRank(_ start: [UInt8]) -> Int? {
    start.count >= 8 && start.starts(with: [0, 0, 8]) && (1...4).contains(start[3]) ? Int(start[3]) : nil
  }
}
