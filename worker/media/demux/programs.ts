/**
 * Chooses the program of a transport stream that is judged: the first of its association table with a picture, one that can
 * be decoded before others, or else the first whose map is known. Picture and sound of two programs do not belong together.
 */

import type { ListedProgram, ProgramStream } from './program-map.ts'

/** A program. `streams` is empty while its map is not known. */
export type Program = { readonly number: number; readonly streams: readonly ProgramStream[] }

/**
 * What a map has changed. `other`: another program is judged from now on; `late`: one that should have been from the start,
 * as its map came after that of another program.
 */
export type ProgramChange = 'none' | 'other' | 'late'

export type ProgramChoice = {
  /** Takes the programs of an association table. */
  takeAssociation(listed: readonly Pick<ListedProgram, 'number'>[]): void
  /** Takes the map of a program, which has streams. */
  takeMap(map: Program): ProgramChange
  /** Returns the streams of the program that is judged; none while no map is known. */
  streams(): readonly ProgramStream[]
  /** Returns what is known, for the next segment. */
  programs(): readonly Program[]
}

const NO_PROGRAM: Program = { number: -1, streams: [] }

/** Creates the choice of a segment from the programs that are known by those before it. */
export function createProgramChoice(known: readonly Program[]): ProgramChoice {
  let programs = known
  let chosen = chooseProgram(programs) ?? NO_PROGRAM
  const isListed = (wanted: number) => programs.some(({ number }) => number === wanted)

  return {
    takeAssociation(listed) {
      if (listed.length > 0) programs = listPrograms(listed, programs)
    },
    takeMap(map) {
      const wasKnown = programs.some(({ number, streams }) => number === map.number && streams.length > 0)
      programs = withStreams(programs, map)
      const before = chosen
      chosen = chooseProgram(programs) ?? before
      if (chosen.number === before.number) return 'none'
      return !wasKnown && isListed(before.number) ? 'late' : 'other'
    },
    streams: () => chosen.streams,
    programs: () => (chosen === NO_PROGRAM ? programs : withStreams(programs, chosen)),
  }
}

/** Programs that are kept: a whole multiplex has fewer. */
const MAX_PROGRAMS = 64

function listPrograms(
  listed: readonly Pick<ListedProgram, 'number'>[],
  before: readonly Program[],
): readonly Program[] {
  return listed.slice(0, MAX_PROGRAMS).map(({ number }) => {
    return before.find((program) => program.number === number) ?? { number, streams: [] }
  })
}

/**
 * Returns the programs once the map of one is known. One that the association table does not list stands for all, as long as
 * no other is known.
 */
function withStreams(programs: readonly Program[], known: Program): readonly Program[] {
  if (programs.some(({ number }) => number === known.number)) {
    return programs.map((program) => (program.number === known.number ? known : program))
  }
  const hasOther = programs.some(({ streams }) => streams.length > 0)
  return hasOther ? programs : [...programs.slice(0, MAX_PROGRAMS - 1), known]
}

function chooseProgram(programs: readonly Program[]): Program | null {
  const hasPicture = (kind: ProgramStream['kind']) => (program: Program) =>
    program.streams.some((stream) => stream.kind === kind)
  return (
    programs.find(hasPicture('picture')) ??
    programs.find(hasPicture('other_picture')) ??
    programs.find(({ streams }) => streams.length > 0) ??
    null
  )
}
