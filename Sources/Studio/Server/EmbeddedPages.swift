extension PageFiles {
  /// The files of `Pages/`, which SwiftPM makes constants of; `PageTests` holds the list against the folder.
  static var embedded: KeyValuePairs<String, [UInt8]> {
    [
      "api.js": PackageResources.api_js,
      "app.css": PackageResources.app_css,
      "app.js": PackageResources.app_js,
      "brush.js": PackageResources.brush_js,
      "compare.js": PackageResources.compare_js,
      "data_set.js": PackageResources.data_set_js,
      "detail.js": PackageResources.detail_js,
      "doctor.js": PackageResources.doctor_js,
      "dom.js": PackageResources.dom_js,
      "icon.svg": PackageResources.icon_svg,
      "index.html": PackageResources.index_html,
      "jobs.js": PackageResources.jobs_js,
      "pictures.js": PackageResources.pictures_js,
      "plot.js": PackageResources.plot_js,
      "recipe_form.js": PackageResources.recipe_form_js,
      "restore.js": PackageResources.restore_js,
      "restore_controls.js": PackageResources.restore_controls_js,
      "runs.js": PackageResources.runs_js,
      "sample.js": PackageResources.sample_js,
      "sample_controls.js": PackageResources.sample_controls_js,
      "stage.js": PackageResources.stage_js,
      "start_picture.js": PackageResources.start_picture_js,
      "train.js": PackageResources.train_js,
      "tray.js": PackageResources.tray_js,
    ]
  }
}
