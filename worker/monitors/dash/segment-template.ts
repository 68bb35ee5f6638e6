/** Values of a template's identifiers (ISO/IEC 23009-1 §5.3.9.4.4). */
export type TemplateValues = {
  readonly representationId: string
  readonly bandwidth: string
  readonly number: number | null
  readonly time: bigint | null
}

/** Most digits to which a number is filled up with zeros. */
const MAX_WIDTH = 32

/** Longest reference to a segment, and longest template of one. */
export const MAX_REFERENCE_LENGTH = 8192

/**
 * Fills in a template. `$$` is a dollar sign; an identifier that is unknown, or that has no value here, stays. `null`: the
 * template or what it becomes is too long.
 */
export function fillTemplate(template: string, values: TemplateValues): string | null {
  if (template.length > MAX_REFERENCE_LENGTH) return null
  let filled = ''
  let at = 0
  for (const match of template.matchAll(/\$(\w{0,32})(?:%0?(\d{0,2})d)?\$/g)) {
    const [whole, name = '', width] = match
    filled += template.slice(at, match.index) + fillIdentifier(whole, { name, width }, values)
    at = match.index + whole.length
    if (filled.length > MAX_REFERENCE_LENGTH) return null
  }
  const reference = filled + template.slice(at)
  return reference.length > MAX_REFERENCE_LENGTH ? null : reference
}

function fillIdentifier(
  whole: string,
  { name, width }: { readonly name: string; readonly width: string | undefined },
  values: TemplateValues,
): string {
  if (name === '') return width === undefined ? '$' : whole
  const value = valueOf(name, values)
  return value === null ? whole : value.padStart(Math.min(Number(width ?? 0), MAX_WIDTH), '0')
}

function valueOf(name: string, { representationId, bandwidth, number, time }: TemplateValues): string | null {
  switch (name) {
    case 'RepresentationID':
      return representationId
    case 'Bandwidth':
      return bandwidth
    case 'Number':
      return number === null ? null : String(number)
    case 'Time':
      return time === null ? null : String(time)
    default:
      return null
  }
}

/** Reports whether a template names its segments by number. */
export function hasNumber(template: string): boolean {
  return /\$Number(?:%0?\d{0,2}d)?\$/.test(template)
}
