/** Values of a template's identifiers (ISO/IEC 23009-1 §5.3.9.4.4). */
export type TemplateValues = {
  readonly representationId: string
  readonly bandwidth: string
  readonly number: number | null
  readonly time: bigint | null
}

/** Most digits to which a number is filled up with zeros. */
const MAX_WIDTH = 32

/** Fills in a template. `$$` is a dollar sign; an identifier that is unknown, or that has no value here, stays. */
export function fillTemplate(template: string, values: TemplateValues): string {
  return template.replaceAll(/\$(\w{0,32})(?:%0?(\d{0,2})d)?\$/g, (whole, name: string, width: string | undefined) => {
    if (name === '') return width === undefined ? '$' : whole
    const value = valueOf(name, values)
    return value === null ? whole : value.padStart(Math.min(Number(width ?? 0), MAX_WIDTH), '0')
  })
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
