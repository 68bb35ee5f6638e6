import { readSource } from './installation.ts'

export type Instruction = { readonly name: string; readonly text: string }

/** One build stage: `FROM base AS name`, and its instructions in order. */
export type Stage = {
  readonly name: string
  readonly base: string
  readonly instructions: readonly Instruction[]
}

/** Reads the stages of a Dockerfile, with the `ARG`s before the first `FROM` filled into their bases. */
export function readDockerfile(path: string): readonly Stage[] {
  const joined = readSource(path)
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
  const instructions = joined.split('\n').flatMap((line) => {
    const [, name, text] = /^([A-Z]+)\s+(.+)$/.exec(line) ?? []
    return name === undefined || text === undefined ? [] : [{ name, text }]
  })
  const first = instructions.findIndex(({ name }) => name === 'FROM')
  const args = Object.fromEntries(instructions.slice(0, first).map(({ text }) => text.split('=')))
  const stages: { name: string; base: string; instructions: Instruction[] }[] = []
  for (const instruction of instructions.slice(first)) {
    const [, base, name = ''] = /^(\S+)(?: AS (\S+))?$/.exec(instruction.text) ?? []
    if (instruction.name !== 'FROM' || base === undefined) stages.at(-1)?.instructions.push(instruction)
    else
      stages.push({
        name,
        base: base.replaceAll(/\$\{(\w+)\}/g, (_, arg: string) => args[arg] ?? ''),
        instructions: [],
      })
  }
  return stages
}

/** Lists the paths that a stage copies from the build context, with their targets in its working directory. */
export function listCopies({ instructions }: Stage): readonly { readonly source: string; readonly target: string }[] {
  const copies = instructions.filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from='))
  return copies.flatMap(({ text }) => {
    const [target = '', ...sources] = text.split(/\s+/).toReversed()
    return sources.map((source) => ({ source, target: target.endsWith('/') ? target + source : target }))
  })
}

/** Returns whether `.dockerignore` excludes a path from the build context. The last matching rule decides. */
export function isIgnored(path: string): boolean {
  const rules = readSource('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  return rules.reduce((ignored, rule) => (toPattern(rule).test(path) ? !rule.startsWith('!') : ignored), false)
}

function toPattern(rule: string): RegExp {
  const parts = rule.replace(/^!/, '').split(/(\*\*\/|\*)/)
  const pattern = parts.map((part) => {
    if (part === '**/') return '(?:.*/)?'
    return part === '*' ? '[^/]*' : part.replaceAll('.', String.raw`\.`)
  })
  return new RegExp(`^${pattern.join('')}(?:/|$)`)
}
