/** Returns a function that makes the anchor of each heading of one document as GitHub does: repeated ones are numbered. */
export function createSlugger(): (heading: string) => string {
  const times = new Map<string, number>()
  return (heading) => {
    const slug = heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-')
    const before = times.get(slug) ?? 0
    times.set(slug, before + 1)
    return before === 0 ? slug : `${slug}-${before}`
  }
}
