import Foundation
import Tensors

/// What jobs are made of: the stores, and the device that computes.
final class Library: Sendable {
  let folder: DataFolder
  let pictures: PictureStore
  let data: DataSetStore
  let runs: RunStore
  let models: ModelCatalogue
  let device: Device

  init(_ folder: DataFolder, folders: [String], device: Device) {
    (self.folder, self.device) = (folder, device)
    pictures = PictureStore(folder)
    data = DataSetStore(folder, folders: folders)
    runs = RunStore(folder)
    models = ModelCatalogue(runs)
  }

  /// A message of the libraries without the data folder's place, and with pictures called as their clients do.
  func withoutPaths(_ message: String) -> String {
    var message = message
    for match in message.matches(of: /[^ ]*\/pictures\/([a-z0-9]{16})\.[a-z0-9]+/).reversed() {
      let name = (try? pictures.picture(String(match.1)).name) ?? String(match.1)
      message.replaceSubrange(match.range, with: name)
    }
    for place in models.places { message = message.replacingOccurrences(of: place.path, with: place.name) }
    return message.replacingOccurrences(of: "\(folder.path)/", with: "")
  }

  /// The work of a job, made by the thread that computes it.
  func work(_ record: JobRecord, results: String) throws -> any JobWork {
    switch record.kind {
    case "sample": try SampleWork(record.settings, self, folder: results)
    case "restore": try RestoreWork(record.settings, self, folder: results)
    default: try TrainWork(record, self)
    }
  }
}
