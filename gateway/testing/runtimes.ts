import type { Settings } from '../config.ts'
import { startEdgeGateway } from './edge-gateway.ts'
import { createMemoryLauncher } from './memory-launcher.ts'
import { startTestGateway, type TestGateway } from './test-gateway.ts'

/** Where the same app runs: what is promised to clients holds on each. */
export const RUNTIMES = ['node', 'workerd'] as const
export type Runtime = (typeof RUNTIMES)[number]

/** A gateway as its clients and its workers know it. */
export type RuntimeGateway = Omit<TestGateway, 'gateway'> & {
  /** The names of the workers that its launcher has. */
  workers(): Promise<readonly string[]>
}

/** A gateway on a database of its own: in this process, or in workerd. */
export async function startGatewayOn(runtime: Runtime, settings: Partial<Settings> = {}): Promise<RuntimeGateway> {
  if (runtime === 'workerd') return startEdgeGateway({ settings })
  const launcher = createMemoryLauncher()
  const gateway = await startTestGateway({ settings, launcher })
  const workers = async () => (await launcher.list(AbortSignal.timeout(1000))).map(({ name }) => name)
  return { ...gateway, workers }
}
