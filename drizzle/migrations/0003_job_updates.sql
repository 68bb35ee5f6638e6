ALTER TABLE "job_updates" DROP CONSTRAINT "job_updates_job_id_jobs_id_fk";
