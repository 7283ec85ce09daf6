@_exported import Workflows
