/// The version of Sfumato: written into every model file, shown by `sfumato --version`.
public let sfumatoVersion = "0.1.0"
