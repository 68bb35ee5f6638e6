import type { Launcher, WorkerSpec } from '../../ports/launcher.ts'

/** Returns a launcher whose workers have further variables, which replace those of their specs. */
export function withVariables(
  launcher: Launcher,
  variablesOf: (spec: WorkerSpec) => Readonly<Record<string, string>>,
): Launcher {
  return {
    ...launcher,
    launch: (spec) => launcher.launch({ ...spec, env: { ...spec.env, ...variablesOf(spec) } }),
  }
}
