// swift-tools-version: 6.2
// A program that uses Sfumato from a folder beside it. By URL it is
//   .package(url: "https://…/sfumato", from: "0.1.0")
// and libtorch is then found in `.libtorch` of this package, or where `./dev setup` put it in the user's cache folder.
import PackageDescription

let package = Package(
  name: "Downstream",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "Sfumato", path: "../..")],
  targets: [
    .executableTarget(
      name: "downstream", dependencies: [.product(name: "Sfumato", package: "Sfumato")], path: "Sources")
  ],
  swiftLanguageModes: [.v6])
