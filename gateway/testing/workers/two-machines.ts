import type { Launcher } from '../../ports/launcher.ts'

/** A launcher for two machines. Workers are launched on the first one. */
export type TwoMachines = Launcher & {
  /**
   * Cuts a worker off from its launcher, as one on a lost node is: `stop` forgets it, and leaves its process as it is. The
   * next worker of its name is launched on the second machine.
   */
  cutOff(name: string): void
}

/** Creates a launcher from the launchers of both machines. */
export function createTwoMachines(first: Launcher, second: Launcher): TwoMachines {
  const cutOff = new Set<string>()
  const forgotten = new Set<string>()
  const launcherOf = (name: string) => (forgotten.has(name) ? second : first)
  return {
    ...first,
    cutOff: (name) => void cutOff.add(name),
    launch: (spec) => launcherOf(spec.name).launch(spec),
    async stop(worker, graceMs) {
      if (forgotten.has(worker.name) || !cutOff.has(worker.name)) return launcherOf(worker.name).stop(worker, graceMs)
      forgotten.add(worker.name)
    },
    async list(signal) {
      const lists = [await first.list(signal), await second.list(signal)]
      const [before = [], after = []] = lists
      return [...before.filter(({ name }) => !forgotten.has(name)), ...after]
    },
    lastLines: (worker) => launcherOf(worker.name).lastLines(worker),
    watch(onChange, signal) {
      first.watch(onChange, signal)
      second.watch(onChange, signal)
    },
    async close(graceMs) {
      await Promise.all([first.close(graceMs), second.close(graceMs)])
    },
  }
}
