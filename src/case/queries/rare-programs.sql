-- Programs that run on few hosts of the case, the rarest first.
SELECT exe, count(DISTINCT coalesce(sha256, images.id)) AS images, count(*) AS processes, min(hostname) AS a_host, min(args) AS args
FROM processes JOIN images ON id = image_id
WHERE NOT kernel_thread AND exe IS NOT NULL
GROUP BY exe
ORDER BY images, processes, exe;
