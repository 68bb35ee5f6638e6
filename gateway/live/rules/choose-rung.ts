/** Returns the rung of a run that a rendition shows: itself, the next lower one, or the lowest. */
export function chooseRung(names: readonly string[], wanted: string): string {
  const sorted = names.toSorted((a, b) => Number(b) - Number(a))
  return sorted.find((name) => Number(name) <= Number(wanted)) ?? sorted.at(-1) ?? wanted
}
