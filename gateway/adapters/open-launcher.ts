import type { Log } from '../../shared/log.ts'
import type { ClusterSettings } from '../config.ts'
import type { Launcher, WorkerRole } from '../workers/launcher.ts'
import { createPodClient } from './kubernetes/client.ts'
import { createKubernetesLauncher } from './kubernetes/launcher.ts'
import { accessByKubeconfig } from './kubernetes/node-credentials.ts'
import { createLocalProcessLauncher } from './local-process.ts'
import { bundleWorker } from './worker-bundle.ts'

/** Where Pods go of whose namespace nothing is said; Kubernetes' own. */
const DEFAULT_NAMESPACE = 'default'

export type LauncherChoice = {
  /** `null`: processes of this machine. */
  readonly cluster: ClusterSettings | null
  readonly roles: readonly WorkerRole[]
  readonly dataDir: string
  readonly log: Log
  /** Takes each line that a worker of this machine writes. */
  readonly writeLine: (line: string) => void
}

export type OpenLauncher = AsyncDisposable & { readonly launcher: Launcher }

/** The launcher that the settings choose, on Node. @throws where there is no cluster, or no worker program */
export async function openLauncher({ cluster, roles, dataDir, log, writeLine }: LauncherChoice): Promise<OpenLauncher> {
  if (cluster === null) {
    const launcher = createLocalProcessLauncher({ writeLine, entry: await bundleWorker(dataDir) })
    return { launcher, [Symbol.asyncDispose]: async () => {} }
  }
  const { kubeconfig } = cluster
  const access = await accessByKubeconfig({ kubeconfig, root: '/' }).catch((error: unknown) => {
    const where = kubeconfig === null ? 'LAUNCHER=kubernetes' : `KUBECONFIG ${kubeconfig}`
    throw new Error(`${where} leads to no cluster: ${error instanceof Error ? error.message : String(error)}`)
  })
  const namespace = cluster.namespace ?? access.namespace ?? DEFAULT_NAMESPACE
  const client = createPodClient({ ...access, namespace })
  const { workerImage: image, workerSecret: secret, deployment } = cluster
  log.info('workers run as Pods', { server: access.server, namespace, image })
  return {
    launcher: createKubernetesLauncher({ client, roles, image, secret, namespace, deployment, log }),
    [Symbol.asyncDispose]: () => access[Symbol.asyncDispose](),
  }
}
