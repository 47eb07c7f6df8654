-- Kernel modules that are loaded on few hosts of the case, the rarest first.
SELECT name, count(DISTINCT image_id) AS images, (SELECT count(DISTINCT image_id) FROM modules) AS of_images,
       min(hostname) AS a_host, min(taints) AS taints
FROM modules JOIN images ON id = image_id
WHERE name IS NOT NULL
GROUP BY name
ORDER BY images, name;
