// A report file that a test step left in its guest, as text. Untrusted.

/** `path`: below the source folder. */
export type ReportFile = { path: string; text: string }
