import type { Log } from '../../shared/log.ts'
import type { Launcher, WorkerRole } from '../ports/launcher.ts'
import { createPodClient } from './kubernetes/pod-client.ts'
import { createKubernetesLauncher } from './kubernetes/launcher.ts'
import { openKubeconfigAccess } from './kubernetes/kubeconfig-access.ts'
import { createLocalProcessLauncher } from './process/launcher.ts'
import { bundleWorker } from './process/worker-bundle.ts'
import type { ClusterSettings } from '../settings/settings.ts'

/** Namespace of the Pods where neither settings nor kubeconfig name one: Kubernetes' own default. */
const DEFAULT_NAMESPACE = 'default'

export type LauncherChoice = {
  /** The cluster that runs the workers; `null` runs them as processes of this machine. */
  readonly cluster: ClusterSettings | null
  readonly roles: readonly WorkerRole[]
  readonly dataDir: string
  readonly log: Log
  /** Receives each line that a worker of this machine writes. */
  readonly writeLine: (line: string) => void
}

export type OpenLauncher = AsyncDisposable & { readonly launcher: Launcher }

/**
 * Opens the launcher that the settings choose, on Node.
 * @throws Error where the cluster cannot be reached by its configuration, or the worker program cannot be built
 */
export async function openLauncher({ cluster, roles, dataDir, log, writeLine }: LauncherChoice): Promise<OpenLauncher> {
  if (cluster === null) {
    const launcher = createLocalProcessLauncher({ writeLine, entry: await bundleWorker(dataDir) })
    return { launcher, [Symbol.asyncDispose]: async () => {} }
  }
  const { kubeconfig } = cluster
  const access = await openKubeconfigAccess({ kubeconfig, root: '/' }).catch((error: unknown) => {
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
