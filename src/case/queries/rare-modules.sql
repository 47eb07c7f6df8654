-- Kernel modules that are loaded on few hosts of the case, the rarest first.
SELECT name, count(DISTINCT coalesce(sha256, images.id)) AS images,
       (SELECT count(DISTINCT coalesce(sha256, images.id)) FROM modules JOIN images ON id = image_id) AS of_images,
       min(hostname) AS a_host, min(taints) AS taints
FROM modules JOIN images ON id = image_id
WHERE name IS NOT NULL
GROUP BY name
ORDER BY images, name;
