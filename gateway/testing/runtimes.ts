import { startEdgeGateway } from './edge/edge-gateway.ts'
import { createMemoryLauncher } from './workers/memory-launcher.ts'
import { startTestGateway, type TestGateway } from './test-gateway.ts'

/** The runtimes of the app. Every promise to clients holds on each of them. */
export const RUNTIMES = ['node', 'workerd'] as const
export type Runtime = (typeof RUNTIMES)[number]

/** A test gateway on any runtime. */
export type RuntimeGateway = Omit<TestGateway, 'gateway'> & {
  /** Returns the names of the workers that its launcher lists. */
  workers(): Promise<readonly string[]>
}

/** Starts a gateway with its own database: in this process, or in workerd. */
export async function startGatewayOn(
  runtime: Runtime,
  env: Readonly<Record<string, string>> = {},
): Promise<RuntimeGateway> {
  if (runtime === 'workerd') return startEdgeGateway({ env })
  const launcher = createMemoryLauncher()
  const gateway = await startTestGateway({ env, launcher })
  const workers = async () => (await launcher.list(AbortSignal.timeout(1000))).map(({ name }) => name)
  return { ...gateway, workers }
}
