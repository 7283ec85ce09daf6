import Foundation

extension Error {
  /// The system's own words for what failed, such as `Permission denied`, in place of the sentence that Foundation makes around them.
  package var systemMessage: String {
    var error = self as NSError
    while error.domain != NSPOSIXErrorDomain, let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError { error = cause }
    return error.domain == NSPOSIXErrorDomain ? String(cString: strerror(Int32(error.code))) : error.localizedDescription
  }
}
