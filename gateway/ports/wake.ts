/**
 * Requests a run of the periodic tasks soon, after a commit that they should see. `workers`: the workers that run may no
 * longer be the ones that should. `everything`: an external clock requests every task, due or not.
 */
export type Wake = (reason?: 'workers' | 'everything') => void
