const MINUTE = 60
const HOUR = 3600
const DAY = 86_400

/** Returns a duration as a clock shows it: `1:05` or `2:01:05`. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const [hours, minutes] = [Math.floor(whole / HOUR), Math.floor((whole % HOUR) / MINUTE)]
  const twoDigits = (value: number) => String(value).padStart(2, '0')
  const rest = `${hours > 0 ? twoDigits(minutes) : minutes}:${twoDigits(whole % MINUTE)}`
  return hours > 0 ? `${hours}:${rest}` : rest
}

/** Returns the seconds of a duration that is written as on a clock (`1:05`, `2:01:05`) or in seconds; `null`: it is none. */
export function parseClock(text: string): number | null {
  const parts = text.trim().split(':')
  if (parts.length > 3 || !parts.every((part) => /^\d{1,6}(?:\.\d{1,3})?$/.test(part))) return null
  return parts.reduce((sum, part) => sum * MINUTE + Number(part), 0)
}

/** Returns a wait in whole minutes, at least one. */
export function toMinutes(seconds: number): number {
  return Math.max(1, Math.ceil(seconds / MINUTE))
}

/** Returns a wait in whole minutes in English: `1 minute`, `15 minutes`. */
export function countMinutes(seconds: number): string {
  const minutes = toMinutes(seconds)
  return minutes === 1 ? '1 minute' : `${minutes} minutes`
}

/** Returns the time until a moment: days from the second one on, else a clock. */
export function formatCountdown(seconds: number, language: string): string {
  if (seconds < 2 * DAY) return formatClock(seconds)
  const days = Math.round(seconds / DAY)
  return new Intl.NumberFormat(language, { style: 'unit', unit: 'day', unitDisplay: 'long' }).format(days)
}

const MEGABYTE = 1e6
const GIGABYTE = 1e9

/** Returns the size of a file: `12.5 MB`. */
export function formatBytes(bytes: number, language: string): string {
  const [value, unit] = bytes >= GIGABYTE ? [bytes / GIGABYTE, 'gigabyte'] : [bytes / MEGABYTE, 'megabyte']
  return new Intl.NumberFormat(language, { style: 'unit', unit, maximumFractionDigits: 1 }).format(value)
}
