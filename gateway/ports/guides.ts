/** Returns the Markdown of a guide by its path in the repository; `null` where this installation has no such file. */
export type ReadGuide = (path: string) => Promise<string | null>
