SELECT pg_try_advisory_lock(hashtext('patriot/leadership'), hashtext($1))
