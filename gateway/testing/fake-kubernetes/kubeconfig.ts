import { writeFile } from 'node:fs/promises'

type KubeconfigAccount = { readonly token: string; readonly namespace: string }

/** Writes a kubeconfig whose current context is this cluster, token and namespace. Returns its path. */
export async function writeKubeconfig(
  path: string,
  cluster: object,
  { token, namespace }: KubeconfigAccount,
): Promise<string> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'fake',
    clusters: [{ name: 'fake', cluster }],
    users: [{ name: 'gateway', user: { token } }],
    contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'gateway', namespace } }],
  }
  // JSON is valid YAML.
  await writeFile(path, JSON.stringify(config), { mode: 0o600 })
  return path
}
